import type { Plugin, Resource } from '../model/plugin';
import { TableResource, wordsOf, type AnyResourceType, type Surroundings } from '../model/table-resource';
import type { Props } from '../rpc/values';
import { Clients } from './clients';
import { AwsContext } from './context';
import { FUNCTION_TOKENS, loadFunction } from './functions/index';
import { RESOURCE_TOKENS, loadResourceType } from './resources';
import { readSettings, type AwsSettings } from './settings';

/** The aws plugin: the resource types and functions that Bascule's stacks use, against any AWS endpoint. */
export class AwsPlugin implements Plugin {
  readonly version = '7.48.0';
  private settings: AwsSettings = readSettings({});
  private clients = new Clients(this.settings);
  private account: Promise<string> | undefined;
  private readonly interrupted = new AbortController();
  private readonly resources = new Map<string, Promise<Resource>>();

  configure(config: Props): void {
    this.settings = readSettings(config);
    this.clients = new Clients(this.settings);
    this.account = undefined;
  }

  resource(token: string): Promise<Resource> {
    const known = this.resources.get(token) ?? this.load(token);
    this.resources.set(token, known);
    return known;
  }

  private async load(token: string): Promise<Resource> {
    const type = await loadResourceType(token);
    if (!type) throw new Error(`the sandbox has no ${token}; it covers: ${RESOURCE_TOKENS.join(', ')}`);
    return new TableResource(type, this.around(type));
  }

  private around(type: AnyResourceType<AwsContext>): Surroundings<AwsContext> {
    return {
      defaultTags: () => this.settings.defaultTags,
      contextOf: (props) => this.contextOf(props),
      ready: () => this.checkAccount(),
      settled: (inputs): Props => ('region' in type.inputs ? { region: this.regionOf(inputs) } : {}),
      splitId,
    };
  }

  async invoke(token: string, args: Props): Promise<Props> {
    const call = await loadFunction(token);
    if (!call)
      throw new Error(`the sandbox has no function ${token}; it covers: ${FUNCTION_TOKENS.join(', ')}`);
    const context = this.contextOf(args);
    await this.checkAccount();
    try {
      return { region: context.region, ...(await call(args, context)) };
    } catch (thrown) {
      throw new Error(`${token}: ${wordsOf(thrown)}`, { cause: thrown });
    }
  }

  cancel(): void {
    this.interrupted.abort();
  }

  private contextOf(props: Props): AwsContext {
    const region = this.regionOf(props);
    return new AwsContext(this.clients, region, () => this.accountId(region), this.interrupted.signal);
  }

  private regionOf(props: Props): string {
    const region =
      typeof props.region === 'string' && props.region !== '' ? props.region : this.settings.region;
    if (region !== undefined) return region;
    throw new Error(
      'no AWS region: set aws:region in the stack configuration, `region` on the resource, or AWS_REGION',
    );
  }

  private accountId(region: string): Promise<string> {
    this.account ??= this.askAccount(region).catch((thrown: unknown) => {
      // An account that could not be asked for may be asked for again.
      this.account = undefined;
      throw thrown;
    });
    return this.account;
  }

  private async askAccount(region: string): Promise<string> {
    const { Account = '' } = await (await this.clients.sts(region)).getCallerIdentity({});
    return Account;
  }

  /** Refuses accounts that the configuration does not allow. Asks for the account only when it says any. */
  private async checkAccount(): Promise<void> {
    const { allowedAccountIds, forbiddenAccountIds } = this.settings;
    if (allowedAccountIds.length + forbiddenAccountIds.length === 0) return;
    const account = await this.accountId(this.settings.region ?? 'us-east-1');
    const refused =
      forbiddenAccountIds.includes(account) ||
      (allowedAccountIds.length > 0 && !allowedAccountIds.includes(account));
    if (refused) throw new Error(`AWS account ID not allowed: ${account}`);
  }
}

/** An import may name the region behind the id: `i-0123@eu-west-3`. */
function splitId(id: string): { id: string; props: Props } {
  const found = /^(.+)@([a-z]{2}(?:-[a-z]+)+-\d)$/.exec(id);
  return found?.[1] && found[2] ? { id: found[1], props: { region: found[2] } } : { id, props: {} };
}
