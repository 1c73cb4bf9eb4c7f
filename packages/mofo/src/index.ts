// Keep a Node.js program running while it is being developed, and keep its data whatever happens to it.

export { destroyStore, listStores, openStore, type Store } from '@mofo/journal';
export * from './authoring.ts';
