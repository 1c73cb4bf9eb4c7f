// Damage of every kind of word is found where it was planted, and named; a sound store has no findings; garbage never crashes or hangs the check.

import { openView } from '@mofo/journal';
import { MAIN_HEAP, MAIN_ROOT_HEAD } from '@mofo/shm-store';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkStore, exportXml } from '../src/index.ts';
import { DAMAGES } from './damages.ts';
import { accountField, openRich } from './rich-store.ts';
import { textOf } from './support.ts';

describe('a check', () => {
  test('finds nothing wrong with a sound store, live or in a view', () => {
    const { store, segment } = openRich();
    const report = checkStore(store);
    expect(report.findings).toEqual([]);
    expect(report.isSound).toBe(true);
    expect(report.blockCount).toBeGreaterThan(300);
    expect(report.refCount).toBe(3);
    expect(checkStore(openView({ windows: [segment.slice(0)] })).findings).toEqual([]);
  });

  test('finds a ref whose record was deleted', () => {
    const { store } = openRich();
    store.root.people.delete('mia');
    expect(checkStore(store).findings.map(({ code, path }) => `${code} ${path}`)).toEqual(
      ['alice', 'bob', 'carol'].map((name) => `REF_DANGLING accounts/"${name}"/manager`),
    );
  });

  test.each(DAMAGES)('finds: $title', async ({ code, path, plant }) => {
    const opened = openRich();
    plant(opened);
    const view = { windows: [opened.segment.slice(0)] };
    const { findings, isSound } = checkStore(opened.store);
    expect(isSound).toBe(false);
    const named = findings.filter(
      (finding) => finding.code === code && (path === undefined || path.test(finding.path)),
    );
    expect(named, JSON.stringify(findings.slice(0, 5), undefined, 1)).not.toHaveLength(0);
    // An export of the same bytes goes to its end or is refused with a code.
    let text = '';
    try {
      text = await textOf(exportXml(openView(view)));
    } catch (error) {
      expect((error as { code: string }).code).toMatch(/^(CORRUPT|STORE_UNREADABLE)$/);
      return;
    }
    expect(text.endsWith('</store>\n')).toBe(true);
  });

  test('keeps as many findings as asked for, and counts all', () => {
    const { store, main } = openRich();
    main[MAIN_ROOT_HEAD / 4] = 0;
    const { findings, findingCount } = checkStore(store, { findingCountMax: 2 });
    expect(findings).toHaveLength(2);
    expect(findingCount).toBeGreaterThan(300);
  });

  test('an export leaves a marker for what is damaged, and all the rest', async () => {
    const opened = openRich();
    opened.main[accountField(opened, 'home').word]! += 1;
    const stream = exportXml(opened.store);
    const xml = await textOf(stream);
    expect(xml).toContain('<invalid name="home" code="LINK_INVALID"/>');
    expect(xml.match(/<object name="home"/g)).toHaveLength(3);
    expect(stream.findings.map(({ code, path }) => `${code} ${path}`)).toEqual(['LINK_INVALID accounts/"alice"/home']);
  });

  test('of random damage ends, throws nothing, and so does an export', async () => {
    const sound = openRich().segment;
    const used = (new Int32Array(sound)[MAIN_HEAP / 4 + 1] as number) * 4096;
    const first = (new Int32Array(sound)[MAIN_HEAP / 4] as number) * 4096;
    const place = fc.oneof(
      fc.integer({ min: 16, max: 128 }),
      fc.integer({ min: 1024, max: 1024 + used / 1024 }),
      fc.integer({ min: first, max: used - 1 }),
    );
    const value = fc.oneof(fc.integer(), fc.integer({ min: 0, max: used / 4 }), fc.constantFrom(0, 1, -1));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(place, value), { minLength: 1, maxLength: 40 }), async (changes) => {
        const segment = sound.slice(0);
        const main = new Int32Array(segment);
        for (const [word, garbage] of changes) main[word] = garbage;
        let view: ReturnType<typeof openView>;
        try {
          view = openView({ windows: [segment] });
        } catch (error) {
          expect((error as { code: string }).code).toMatch(
            /^(CORRUPT|FORMAT_UNKNOWN|LAYOUT_MISMATCH|WRONG_BYTE_ORDER)$/,
          );
          return;
        }
        const { findingCount, findings } = checkStore(view);
        expect(findings.length).toBe(Math.min(findingCount, 10_000));
        expect((await textOf(exportXml(view))).endsWith('</store>\n')).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
