import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the ranges from which Linux and macOS take the local ports of outgoing connections. */
const LOWEST = 20_000;
const HIGHEST = 32_000;

/**
 * A port on which nothing listens, kept from other instances until it is given back. It can still be lost
 * to another program before the instance listens on it: then the instance is started again with another.
 */
export class PortPool {
  private readonly taken = new Set<number>();

  constructor(
    private readonly lowest = LOWEST,
    private readonly highest = HIGHEST,
  ) {}

  async take(): Promise<number> {
    for (let attempt = 0; attempt < 200; attempt += 1) {
      const port = randomInt(this.lowest, this.highest);
      if (this.taken.has(port)) continue;
      // Before the first await: of two that ask at once the second must see it.
      this.taken.add(port);
      if (await isFreePort(port)) return port;
      this.taken.delete(port);
    }
    throw new Error(`no free port between ${this.lowest} and ${this.highest} was found in 200 attempts`);
  }

  /** Keeps a port that a process taken over already listens on. */
  keep(port: number): void {
    this.taken.add(port);
  }

  giveBack(port: number): void {
    this.taken.delete(port);
  }
}

/** Whether nothing listens on the port, neither on loopback nor on every address. */
export async function isFreePort(port: number): Promise<boolean> {
  // One after the other: the two would get in each other's way.
  return (await canListen(port, '127.0.0.1')) && (await canListen(port, '0.0.0.0'));
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
