// Connects to a port again and again, to see whether a connection is ever refused.

import { connect } from 'node:net';

/** Counts connections until it is stopped. One at a time; it waits for each to be made or refused. */
export class Connector {
  connected = 0;
  readonly refused: string[] = [];
  private readonly connecting: Promise<void>;
  private isStopped = false;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.connecting = this.run(hostname, Number(port));
  }

  /** Stops, and says how often it connected and what was refused. */
  async stop(): Promise<{ connected: number; refused: string[] }> {
    this.isStopped = true;
    await this.connecting;
    return { connected: this.connected, refused: this.refused };
  }

  private async run(host: string, port: number): Promise<void> {
    while (!this.isStopped) {
      await new Promise<void>((resolve) => {
        const socket = connect({ host, port });
        socket.once('connect', () => {
          this.connected++;
          socket.destroy();
        });
        socket.once('error', (error: NodeJS.ErrnoException) => {
          // Reset once made: the process that had accepted it died.
          if (error.code !== 'ECONNRESET') this.refused.push(error.code ?? String(error));
        });
        // Gives others their turn: the port is asked some hundred times a second, not all the time.
        socket.once('close', () => setTimeout(resolve, 2));
      });
    }
  }
}
