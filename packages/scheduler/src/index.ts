// Durable tasks in shared memory: now, delayed, interval and cron, resumed at the next task after a crash.
export {};
