import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { TokenIssuer, User } from './tokens.ts';

function words(value: string | string[] | undefined): string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** The user of a client certificate that our CA has signed: CN is the name, O the groups. */
function certificateUser(request: IncomingMessage): User | undefined {
  const { socket } = request;
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const subject = socket.getPeerCertificate().subject as { CN?: string | string[]; O?: string | string[] } | undefined;
  const name = words(subject?.CN)[0];
  if (name === undefined) return undefined;
  return { name, groups: [...words(subject?.O), 'system:authenticated'], extra: {} };
}

/** Who makes a request, by client certificate or bearer token; undefined when neither is valid. */
export function authenticate(request: IncomingMessage, tokens: TokenIssuer): User | undefined {
  const header = request.headers.authorization;
  if (header?.toLowerCase().startsWith('bearer ')) return tokens.verify(header.slice(7).trim());
  return certificateUser(request);
}
