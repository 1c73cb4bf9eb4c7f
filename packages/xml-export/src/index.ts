// Streams a shared-memory store or its image as XML with a published XSD, checking every block and reference.
export {};
