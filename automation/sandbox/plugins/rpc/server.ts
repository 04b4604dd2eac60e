import * as grpc from '@grpc/grpc-js';
import { ResourceProviderService } from '@pulumi/pulumi/proto/provider_grpc_pb';
import type { Plugin } from '../model/plugin';
import { serviceOf } from './service';

/** Messages of a large stack exceed gRPC's default of 4 MB. */
const MESSAGE_BYTES = 400 * 1024 * 1024;

/**
 * Serves a plugin to the engine and writes the port it listens on to stdout, as the engine expects.
 * The process lives until the engine ends it or goes away.
 */
export async function serve(plugin: Plugin): Promise<void> {
  const server = new grpc.Server({
    'grpc.max_receive_message_length': MESSAGE_BYTES,
    'grpc.max_send_message_length': MESSAGE_BYTES,
  });
  server.addService(ResourceProviderService, serviceOf(plugin));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  process.stdout.write(`${port}\n`);
  endOnInterrupt(server);
}

/**
 * The engine ends a plugin with SIGINT and waits five seconds for it: what is in flight is finished first,
 * and with nothing in flight the process ends at once.
 */
export function endOnInterrupt(server: Pick<grpc.Server, 'tryShutdown'>): void {
  process.on('SIGINT', () => server.tryShutdown(() => process.exit(0)));
}
