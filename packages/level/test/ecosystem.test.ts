// Parts of the Level ecosystem as they are published, on this database: sublevels with hooks and events, a stream, and a graph database.

import type { AbstractBatchOperation } from 'abstract-level';
import { EntryStream, KeyStream } from 'level-read-stream';
import { Quadstore } from 'quadstore';
import { DataFactory } from 'rdf-data-factory';
import { describe, expect, test } from 'vitest';
import type { MofoLevel } from '../src/index.ts';
import { openDatabase } from './support/database.ts';

describe('sublevels', () => {
  test('are apart from each other, change together in one batch, and nest', async () => {
    const database = await openDatabase();
    const people = database.sublevel<string, { age: number }>('people', { valueEncoding: 'json' });
    const index = database.sublevel('index');
    const nested = people.sublevel('old');
    await database.batch<string, unknown>(
      [
        { type: 'put', sublevel: people, key: 'ann', value: { age: 30 } },
        { type: 'put', sublevel: index, key: '30', value: 'ann' },
        { type: 'put', sublevel: nested as never, key: 'bob', value: 'x' },
      ],
      {},
    );
    expect(await people.get('ann')).toEqual({ age: 30 });
    expect(people.getSync('bob')).toBe(undefined);
    expect(await index.keys().all()).toEqual(['30']);
    expect(await database.keys().all()).toEqual(['!index!30', '!people!!old!bob', '!people!ann']);
    const snapshot = people.snapshot();
    await people.clear();
    expect(await people.keys({ snapshot }).all()).toEqual(['!old!bob', 'ann']);
    await snapshot.close();
    expect(await database.keys().all()).toEqual(['!index!30']);
  });

  test('keep an index by a hook in the same transaction', async () => {
    const database = await openDatabase<string>();
    const index = database.sublevel('index');
    database.hooks.prewrite.add((operation, batch) => {
      if (operation.type === 'put') {
        batch.add({
          type: 'put',
          key: operation.value,
          value: operation.key,
          sublevel: index,
        } as AbstractBatchOperation<MofoLevel, string, string>);
      }
    });
    await database.put('ann', 'red');
    await database.batch().put('bob', 'blue').del('ann').write();
    expect(await index.iterator().all()).toEqual([
      ['blue', 'bob'],
      ['red', 'ann'],
    ]);
  });
});

test('level-read-stream streams entries and keys', async () => {
  const database = await openDatabase<number>(undefined, { valueEncoding: 'json' });
  await database.batch(
    Array.from({ length: 1000 }, (_, k) => ({ type: 'put', key: String(k).padStart(4, '0'), value: k })),
  );
  const stream = new EntryStream(database as never, { gte: '0100', highWaterMark: 64 });
  let expected = 100;
  for await (const { key, value } of stream) {
    expect([key, value]).toEqual([String(expected).padStart(4, '0'), expected]);
    await database.del(key); // behind the stream's snapshot
    expected++;
  }
  expect(expected).toBe(1000);
  const keys = [];
  for await (const key of new KeyStream(database as never, { reverse: true, limit: 2 })) keys.push(key);
  expect(keys).toEqual(['0099', '0098']);
});

test('quadstore keeps and finds quads, in two handles', async () => {
  const dataFactory = new DataFactory();
  const { namedNode, literal, quad, defaultGraph } = {
    namedNode: (name: string) => dataFactory.namedNode(`http://example.org/${name}`),
    literal: (value: string) => dataFactory.literal(value),
    quad: dataFactory.quad.bind(dataFactory),
    defaultGraph: () => dataFactory.defaultGraph(),
  };
  const backend = await openDatabase();
  const store = new Quadstore({ backend: backend as never, dataFactory: dataFactory as never });
  await store.open();
  const quads = ['ann', 'bob', 'cid'].flatMap((person, k) => [
    quad(namedNode(person), namedNode('age'), literal(String(30 + k)), defaultGraph()),
    quad(namedNode(person), namedNode('knows'), namedNode('ann'), defaultGraph()),
  ]);
  await store.multiPut(quads as never);
  await store.del(quads[3] as never);

  const otherBackend = await openDatabase(backend.location);
  const other = new Quadstore({ backend: otherBackend as never, dataFactory: dataFactory as never });
  await other.open();
  const { items } = await other.get({ predicate: namedNode('knows') } as never);
  expect((items as { subject: { value: string } }[]).map(({ subject }) => subject.value).sort()).toEqual([
    'http://example.org/ann',
    'http://example.org/cid',
  ]);
  const { items: ages } = await other.get({ subject: namedNode('bob') } as never);
  expect(ages).toHaveLength(1);
  await other.close();
  await store.close();
});
