// Keep a Node.js program running while it is being developed, and keep its data whatever happens to it.
export {};
