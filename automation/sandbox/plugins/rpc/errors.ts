import * as grpc from '@grpc/grpc-js';
import { Any } from 'google-protobuf/google/protobuf/any_pb';
import { ErrorResourceInitFailed } from '@pulumi/pulumi/proto/provider_pb';
import { Status } from '@pulumi/pulumi/proto/status_pb';
import { PartialFailure } from '../model/plugin';
import { encode } from './values';

/** What the engine is told of anything that was thrown: one message, never a stack. */
export function toServiceError(thrown: unknown): Partial<grpc.ServiceError> {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const metadata = new grpc.Metadata();
  if (thrown instanceof PartialFailure) {
    metadata.add('grpc-status-details-bin', Buffer.from(partialStatus(thrown, message).serializeBinary()));
  }
  return { code: grpc.status.UNKNOWN, details: message, metadata };
}

function partialStatus(failure: PartialFailure, message: string): Status {
  const detail = new ErrorResourceInitFailed();
  detail.setId(failure.id);
  detail.setProperties(encode(failure.outputs, failure.secrets));
  detail.setInputs(encode(failure.inputs, failure.secrets));
  detail.setReasonsList([message]);
  const packed = new Any();
  packed.pack(detail.serializeBinary(), 'pulumirpc.ErrorResourceInitFailed');
  const status = new Status();
  status.setCode(grpc.status.UNKNOWN);
  status.setMessage(message);
  status.addDetails(packed);
  return status;
}
