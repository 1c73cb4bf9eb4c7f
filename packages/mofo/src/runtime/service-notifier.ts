// What systemd is told of a service with Type=notify: ready, reloading, stopping, its main process, a line of status, and that the launcher is alive
// (sd_notify(3)). Without NOTIFY_SOCKET nothing happens. Children do not see the variables: the launcher alone speaks for the service.

import { monotonicMs, notifyService } from '@mofo/shm-store';

/** Variables that systemd sets. */
const VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'];

/** Tells the service manager. */
export class ServiceNotifier {
  private readonly socket: string | undefined;
  private readonly watchdogUs: number;
  private readonly onProblem: (message: string) => void;
  private beating: NodeJS.Timeout | undefined;
  private hasFailed = false;

  /**
   * Takes the variables out of `environment`.
   *
   * @param onProblem told once, when the service manager cannot be reached; the service goes on.
   */
  constructor(environment: NodeJS.ProcessEnv, onProblem: (message: string) => void) {
    const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = environment;
    for (const name of VARIABLES) delete environment[name];
    this.onProblem = onProblem;
    this.socket = NOTIFY_SOCKET === '' ? undefined : NOTIFY_SOCKET;
    const isMeant = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid;
    this.watchdogUs = isMeant && /^\d{1,15}$/.test(WATCHDOG_USEC ?? '') ? Number(WATCHDOG_USEC) : 0;
  }

  /** The service serves; also the end of a reload, whichever version runs then. */
  ready(status: string): void {
    this.tell(`READY=1\nMAINPID=${process.pid}\nSTATUS=${oneLine(status)}`);
    // Half the interval, as sd_watchdog_enabled(3) advises.
    if (this.watchdogUs > 0)
      this.beating ??= setInterval(() => this.tell('WATCHDOG=1'), this.watchdogUs / 2000).unref();
  }

  /** A new version is about to take over. */
  reloading(status: string): void {
    this.tell(`RELOADING=1\nMONOTONIC_USEC=${Math.round(monotonicMs() * 1000)}\nSTATUS=${oneLine(status)}`);
  }

  /** What the service does, for people. */
  status(status: string): void {
    this.tell(`STATUS=${oneLine(status)}`);
  }

  /** The service is about to end. */
  stopping(): void {
    clearInterval(this.beating);
    this.tell('STOPPING=1');
  }

  private tell(state: string): void {
    if (this.socket === undefined) return;
    try {
      notifyService(this.socket, state);
    } catch (error) {
      if (this.hasFailed) return;
      this.hasFailed = true;
      this.onProblem(`the service manager was not told (${state.split('\n')[0]}): ${(error as Error).message}`);
    }
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').slice(0, 500);
}
