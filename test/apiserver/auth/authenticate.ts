import type { IncomingMessage } from 'node:http';
import type { TokenIssuer, User } from './tokens.ts';

/** Who makes a request, by bearer token; undefined when there is none or it is not valid. */
export function authenticate(request: IncomingMessage, tokens: TokenIssuer): User | undefined {
  const header = request.headers.authorization;
  return header?.toLowerCase().startsWith('bearer ') ? tokens.verify(header.slice(7).trim()) : undefined;
}
