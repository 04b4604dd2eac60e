import * as pb from '@pulumi/pulumi/proto/provider_pb';
import type {
  Change,
  CheckRequest,
  CheckResult,
  DiffRequest,
  DiffResult,
  UpdateRequest,
} from '../model/plugin';
import { decode, encode } from './values';

const MODES = ['propose', 'enforce', 'disable'] as const;
const { Kind } = pb.PropertyDiff;
const KINDS = {
  add: { plain: Kind.ADD, replace: Kind.ADD_REPLACE },
  delete: { plain: Kind.DELETE, replace: Kind.DELETE_REPLACE },
  update: { plain: Kind.UPDATE, replace: Kind.UPDATE_REPLACE },
} as const;

export function checkRequest(request: pb.CheckRequest): CheckRequest {
  const autonaming = request.getAutonaming();
  return {
    name: request.getName() || (request.getUrn().split('::')[3] ?? ''),
    oldInputs: decode(request.getOlds()).props,
    newInputs: decode(request.getNews()).props,
    randomSeed: request.getRandomseed_asU8(),
    autonaming: autonaming && {
      proposedName: autonaming.getProposedName(),
      mode: MODES[autonaming.getMode()] ?? 'propose',
    },
  };
}

export function checkResponse(result: CheckResult, secrets: Set<string>): pb.CheckResponse {
  const response = new pb.CheckResponse();
  response.setInputs(encode(result.inputs, secrets));
  response.setFailuresList(
    result.failures.map(({ property, reason }) => {
      const failure = new pb.CheckFailure();
      failure.setProperty(property);
      failure.setReason(reason);
      return failure;
    }),
  );
  return response;
}

export function diffRequest(request: pb.DiffRequest): DiffRequest {
  const oldOutputs = decode(request.getOlds()).props;
  return {
    id: request.getId(),
    oldOutputs,
    oldInputs: request.hasOldInputs() ? decode(request.getOldInputs()).props : oldOutputs,
    newInputs: decode(request.getNews()).props,
    ignoreChanges: request.getIgnorechangesList(),
  };
}

export function diffResponse(result: DiffResult): pb.DiffResponse {
  const response = new pb.DiffResponse();
  const { DIFF_SOME, DIFF_NONE } = pb.DiffResponse.DiffChanges;
  response.setChanges(result.changes.length > 0 ? DIFF_SOME : DIFF_NONE);
  response.setHasdetaileddiff(true);
  response.setDeletebeforereplace(result.deleteBeforeReplace);
  response.setDiffsList([...new Set(result.changes.map(topLevel))]);
  response.setReplacesList([...new Set(result.changes.filter((change) => change.replace).map(topLevel))]);
  const detailed = response.getDetaileddiffMap();
  for (const change of result.changes) {
    const diff = new pb.PropertyDiff();
    diff.setKind(KINDS[change.kind][change.replace ? 'replace' : 'plain']);
    diff.setInputdiff(true);
    detailed.set(change.path, diff);
  }
  return response;
}

export function updateRequest(request: pb.UpdateRequest): UpdateRequest {
  const oldOutputs = decode(request.getOlds()).props;
  return {
    urn: request.getUrn(),
    id: request.getId(),
    oldOutputs,
    oldInputs: request.hasOldInputs() ? decode(request.getOldInputs()).props : oldOutputs,
    newInputs: decode(request.getNews()).props,
    preview: request.getPreview(),
    timeout: request.getTimeout(),
  };
}

function topLevel(change: Change): string {
  return change.path.split(/[.[]/)[0] ?? change.path;
}
