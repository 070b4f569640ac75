import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { isObject, listAt, stringAt } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';

/** Who makes a request. */
export interface User {
  name: string;
  groups: string[];
  /** For example the node a service-account token is bound to. */
  extra: Record<string, string[]>;
}

function encode(value: Json): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Signs and checks bearer tokens: JSON Web Tokens with a secret that stays in the data directory, valid a year. */
export class TokenIssuer {
  readonly #secret: Buffer;

  constructor(secret: Buffer) {
    this.#secret = secret;
  }

  /** Reads the secret from a file, or makes one: tokens outlive a restart of the server. */
  static async open(file: string): Promise<TokenIssuer> {
    try {
      return new TokenIssuer(await readFile(file));
    } catch {
      const secret = randomBytes(32);
      await writeFile(file, secret, { mode: 0o600 });
      return new TokenIssuer(secret);
    }
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#secret).update(text).digest('base64url');
  }

  issue(user: User, seconds = 365 * 24 * 3600): string {
    const now = Math.floor(Date.now() / 1000);
    const claims: JsonObject = {
      iss: 'https://kubernetes.default.svc.cluster.local',
      sub: user.name,
      aud: ['https://kubernetes.default.svc.cluster.local'],
      iat: now,
      exp: now + seconds,
      groups: user.groups,
      extra: user.extra,
    };
    const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
    return `${text}.${this.#sign(text)}`;
  }

  /** The user of a token; undefined when it is not ours or has expired. */
  verify(token: string): User | undefined {
    const [header = '', body = '', signature = ''] = token.split('.');
    const expected = Buffer.from(this.#sign(`${header}.${body}`));
    const given = Buffer.from(signature);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Json;
    if (!isObject(claims) || Number(claims['exp']) < Date.now() / 1000) return undefined;
    return {
      name: stringAt(claims, 'sub') ?? '',
      groups: listAt(claims, 'groups').map(String),
      extra: (claims['extra'] ?? {}) as Record<string, string[]>,
    };
  }
}

/** The groups every service account is in. */
export function serviceAccountGroups(namespace: string): string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
}
