// Content-addressed versions of code on disk, with a state machine that knows which one can be trusted.
export {};
