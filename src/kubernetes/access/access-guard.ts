import type { RequestListener, ServerResponse } from 'node:http';
import { answer, requestPath } from '../../runtime/index.ts';
import type { AccessReview, Verdict } from './access-review.ts';

const plainText = 'text/plain; charset=utf-8';

/**
 * Lets those through whose bearer token the API server knows (else 401) and who may do what they want with the path by
 * its rules for what is no resource, RBAC's nonResourceURLs (else 403). While the API server cannot be asked nobody gets
 * anything (503) but who was allowed a short time ago. Whether there is such a path is the handler's to say.
 *
 * @param open paths that everybody may use
 */
export function guarded(
  handler: RequestListener,
  review: Pick<AccessReview, 'of'>,
  open: readonly string[] = [],
): RequestListener {
  return (request, response) => {
    const path = requestPath(request);
    const token = tokenOf(request.headers.authorization);
    if (open.includes(path)) handler(request, response);
    else if (token === undefined) refuse(response, { kind: 'unknown' });
    else {
      const verb = (request.method ?? 'GET').toLowerCase();
      review.of({ token, verb, path }).then(
        (verdict) => {
          if (verdict.kind === 'allowed') handler(request, response);
          else refuse(response, verdict, `${verb} ${path}`);
        },
        // Why is in the log: who asks is not known.
        () => comeAgain(response, 503, 'the API server does not say who may see this'),
      );
    }
  };
}

/** RFC 6750: the scheme in any case, the token without a space. */
function tokenOf(header = ''): string | undefined {
  return /^bearer +(\S+) *$/i.exec(header)?.[1];
}

function refuse(response: ServerResponse, verdict: Verdict, wanted = ''): void {
  if (verdict.kind === 'busy') {
    comeAgain(response, 429, 'too many tokens at once that are new here');
  } else if (verdict.kind === 'forbidden') {
    answer(response, 403, plainText, `${verdict.user} may not ${wanted}: no ClusterRole that it is bound to says so\n`);
  } else {
    response.setHeader('WWW-Authenticate', 'Bearer');
    answer(response, 401, plainText, 'send a bearer token that the API server of this cluster knows\n');
  }
}

function comeAgain(response: ServerResponse, status: number, why: string): void {
  response.setHeader('Retry-After', '10');
  answer(response, status, plainText, `${why}; try again\n`);
}
