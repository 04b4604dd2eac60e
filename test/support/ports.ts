import { PortPool } from '../../automation/sandbox/daemon/free-port';

/**
 * Apart from the range of the sandboxes' instances, and from the ephemeral one: a port of that may become the
 * local end of any connection, or another server's, between its choice and its use.
 */
const pool = new PortPool(10_000, 20_000);

/** A port that nobody listens on, on any address, and that this process gives out once. */
export const freePort = (): Promise<number> => pool.take();
