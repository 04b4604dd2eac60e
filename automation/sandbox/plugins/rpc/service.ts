import type * as grpc from '@grpc/grpc-js';
import { Empty } from 'google-protobuf/google/protobuf/empty_pb';
import { PluginInfo } from '@pulumi/pulumi/proto/plugin_pb';
import * as pb from '@pulumi/pulumi/proto/provider_pb';
import { PartialFailure, type Plugin, type Resource } from '../model/plugin';
import { toServiceError } from './errors';
import { checkResponse, diffResponse, checkRequest, diffRequest, updateRequest } from './messages';
import { decode, encode } from './values';

type Handler<Request, Response> = (request: Request) => Promise<Response>;

function unary<Request, Response>(handler: Handler<Request, Response>) {
  return (call: grpc.ServerUnaryCall<Request, Response>, callback: grpc.sendUnaryData<Response>): void => {
    handler(call.request).then(
      (response) => callback(null, response),
      (thrown: unknown) => callback(toServiceError(thrown)),
    );
  };
}

/** The engine's ResourceProvider service over a plugin. What is not listed here answers UNIMPLEMENTED. */
export function serviceOf(plugin: Plugin): grpc.UntypedServiceImplementation {
  return {
    getPluginInfo: unary(() => Promise.resolve(pluginInfo(plugin))),
    getSchema: unary(() => Promise.resolve(new pb.GetSchemaResponse().setSchema('{}'))),
    attach: unary(() => Promise.resolve(new Empty())),
    cancel: unary(() => {
      plugin.cancel();
      return Promise.resolve(new Empty());
    }),
    configure: unary((request: pb.ConfigureRequest) => Promise.resolve(configure(plugin, request))),
    invoke: unary((request: pb.InvokeRequest) => invoke(plugin, request)),
    ...resourceHandlers(plugin),
  };
}

function resourceHandlers(plugin: Plugin): grpc.UntypedServiceImplementation {
  const typed = (request: { getUrn(): string }): Promise<Resource> =>
    plugin.resource(typeOf(request.getUrn()));
  return {
    check: unary(async (request: pb.CheckRequest) => check(await typed(request), request)),
    diff: unary(async (request: pb.DiffRequest) =>
      diffResponse(await (await typed(request)).diff(diffRequest(request))),
    ),
    create: unary(async (request: pb.CreateRequest) => create(await typed(request), request)),
    read: unary(async (request: pb.ReadRequest) => read(await typed(request), request)),
    update: unary(async (request: pb.UpdateRequest) => update(await typed(request), request)),
    delete: unary(async (request: pb.DeleteRequest) => {
      const outputs = decode(request.getProperties()).props;
      await (await typed(request)).delete({ id: request.getId(), outputs, timeout: request.getTimeout() });
      return new Empty();
    }),
  };
}

/** A URN is urn:pulumi:<stack>::<project>::<parent type$…$type>::<name>. */
function typeOf(urn: string): string {
  return urn.split('::')[2]?.split('$').pop() ?? '';
}

function pluginInfo(plugin: Plugin): PluginInfo {
  const info = new PluginInfo();
  info.setVersion(plugin.version);
  return info;
}

function configure(plugin: Plugin, request: pb.ConfigureRequest): pb.ConfigureResponse {
  plugin.configure(decode(request.getArgs()).props);
  const response = new pb.ConfigureResponse();
  response.setAcceptsecrets(true);
  response.setSupportspreview(true);
  response.setSupportsAutonamingConfiguration(true);
  return response;
}

async function invoke(plugin: Plugin, request: pb.InvokeRequest): Promise<pb.InvokeResponse> {
  const response = new pb.InvokeResponse();
  response.setReturn(encode(await plugin.invoke(request.getTok(), decode(request.getArgs()).props)));
  return response;
}

async function check(resource: Resource, request: pb.CheckRequest): Promise<pb.CheckResponse> {
  const { secrets } = decode(request.getNews());
  return checkResponse(await resource.check(checkRequest(request)), secrets);
}

async function create(resource: Resource, request: pb.CreateRequest): Promise<pb.CreateResponse> {
  const { props, secrets } = decode(request.getProperties());
  const timeout = request.getTimeout();
  const state = await keepingSecrets(secrets, () =>
    resource.create({ urn: request.getUrn(), inputs: props, preview: request.getPreview(), timeout }),
  );
  const response = new pb.CreateResponse();
  response.setId(state.id);
  response.setProperties(encode(state.outputs, secretOutputs(resource, secrets)));
  return response;
}

async function read(resource: Resource, request: pb.ReadRequest): Promise<pb.ReadResponse> {
  const inputs = decode(request.getInputs());
  const outputs = decode(request.getProperties());
  const found = await resource.read({ id: request.getId(), inputs: inputs.props, outputs: outputs.props });
  const response = new pb.ReadResponse();
  // No id is how the engine is told that the resource is gone.
  if (!found) return response;
  response.setId(found.id);
  response.setInputs(encode(found.inputs, inputs.secrets));
  response.setProperties(encode(found.outputs, new Set([...inputs.secrets, ...outputs.secrets])));
  return response;
}

async function update(resource: Resource, request: pb.UpdateRequest): Promise<pb.UpdateResponse> {
  const { secrets } = decode(request.getNews());
  const outputs = await keepingSecrets(secrets, () => resource.update(updateRequest(request)));
  const response = new pb.UpdateResponse();
  response.setProperties(encode(outputs, secretOutputs(resource, secrets)));
  return response;
}

function secretOutputs(resource: Resource, secrets: Set<string>): Set<string> {
  return secrets.size === 0 ? secrets : new Set([...secrets, ...(resource.echoes ?? [])]);
}

async function keepingSecrets<T>(secrets: Set<string>, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (thrown) {
    if (thrown instanceof PartialFailure) thrown.secrets = secrets;
    throw thrown;
  }
}
