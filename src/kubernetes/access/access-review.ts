import { createHash } from 'node:crypto';
import { describeError } from '../../runtime/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import { resourcePath } from '../client/index.ts';
import type { ApiClient } from '../client/index.ts';
import { KeptVerdicts } from './kept-verdicts.ts';

/** What somebody wants, in RBAC's words for what is no resource: `get` of `/metrics`. */
export interface Wish {
  readonly token: string;
  readonly verb: string;
  readonly path: string;
}

/** What the API server says to it; `user` is whom it takes the token for. `busy`: it is asked about others. */
export type Verdict =
  { readonly kind: 'allowed' | 'unknown' | 'busy' } | { readonly kind: 'forbidden'; readonly user: string };

/** authentication.k8s.io/v1 TokenReview. */
interface TokenReview {
  readonly status?: { readonly authenticated?: boolean; readonly user?: UserInfo };
}
interface UserInfo {
  readonly username?: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}
/** authorization.k8s.io/v1 SubjectAccessReview. */
interface SubjectAccessReview {
  readonly status?: { readonly allowed?: boolean };
}

const tokenReviews = resourcePath({ group: 'authentication.k8s.io', version: 'v1', plural: 'tokenreviews' });
const accessReviews = resourcePath({ group: 'authorization.k8s.io', version: 'v1', plural: 'subjectaccessreviews' });

export interface AccessReviewOptions {
  /** Of somebody who may create tokenreviews and subjectaccessreviews. */
  readonly client: Pick<ApiClient, 'create'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A right that is withdrawn ends within a minute; one that is granted begins within ten seconds. */
const believed = { allowed: 60_000, refused: 10_000 };
const keptAtMost = 256;
/** Tokens are free to invent: this many are asked about at a time, and the API server has no more to do with it. */
const askedAtMost = 8;
/** Prometheus waits ten seconds for an answer, if not told otherwise. */
const timeoutSeconds = 5;

/**
 * Has the API server say who has a bearer token and whether they may do what they want, and remembers it for a while: as
 * the kubelet does for its own metrics.
 */
export class AccessReview {
  readonly #o: AccessReviewOptions;
  /** Apart: no number of inventions pushes out who is allowed. */
  readonly #kept = {
    allowed: new KeptVerdicts<Verdict>(keptAtMost),
    refused: new KeptVerdicts<Verdict>(keptAtMost),
  };
  readonly #asked = new Map<string, Promise<Verdict>>();
  #lastFailure: string | undefined;

  constructor(options: AccessReviewOptions) {
    this.#o = options;
  }

  /** @throws ApiError, ConnectionError when the API server does not say */
  async of(wish: Wish): Promise<Verdict> {
    const key = keyOf(wish);
    const now = this.#o.clock.monotonic();
    const known = this.#kept.allowed.get(key, now) ?? this.#kept.refused.get(key, now) ?? this.#asked.get(key);
    if (known !== undefined) return known;
    if (this.#asked.size >= askedAtMost) return { kind: 'busy' };
    const asking = this.#ask(wish);
    this.#asked.set(key, asking);
    try {
      const verdict = await asking;
      const kind = verdict.kind === 'allowed' ? 'allowed' : 'refused';
      // From before it was asked: what it says may be as old as that.
      this.#kept[kind].keep(key, verdict, now + believed[kind]);
      this.#tell(undefined);
      return verdict;
    } catch (error) {
      this.#tell(error);
      throw error;
    } finally {
      this.#asked.delete(key);
    }
  }

  async #ask({ token, verb, path }: Wish): Promise<Verdict> {
    const who = await this.#create<TokenReview>(tokenReviews, {
      ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } },
    });
    const { username: user = '', uid, groups, extra } = who.status?.user ?? {};
    if (who.status?.authenticated !== true || user === '') return { kind: 'unknown' };
    const nonResourceAttributes = { path, verb };
    const may = await this.#create<SubjectAccessReview>(accessReviews, {
      ...{ apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview' },
      spec: { user, uid, groups, extra, nonResourceAttributes },
    });
    return may.status?.allowed === true ? { kind: 'allowed' } : { kind: 'forbidden', user };
  }

  #create<T>(path: string, review: object): Promise<T> {
    return this.#o.client.create<T>(path, review, { timeoutSeconds });
  }

  /** A line when it begins, changes and ends: scrapers come every few seconds. */
  #tell(error: unknown): void {
    const reason = error === undefined ? undefined : describeError(error);
    if (reason === this.#lastFailure) return;
    this.#lastFailure = reason;
    const { log } = this.#o;
    if (error === undefined) log.info('the API server says again who may see metrics');
    else log.error('the API server does not say who may see metrics; meanwhile nobody may', { error });
  }
}

/** Tokens stay in no memory for longer than a request takes. */
function keyOf({ token, verb, path }: Wish): string {
  return createHash('sha256')
    .update(JSON.stringify([token, verb, path]))
    .digest('base64');
}
