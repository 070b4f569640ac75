import { notAcceptable } from '../status.ts';

/** In which form a client wants an answer. */
export type Form = 'object' | 'table' | 'metadata';

/** Picks the first form of an Accept header that this server has. Throws StatusError 406. */
export function acceptedForm(accept: string | undefined): Form {
  if (accept === undefined || accept === '') return 'object';
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    if (!['application/json', 'application/*', '*/*'].includes(type)) continue;
    const as = parameters.find((parameter) => parameter.startsWith('as='))?.slice(3);
    if (as === undefined) return 'object';
    if (as === 'Table' && parameters.includes('v=v1')) return 'table';
    if (as.startsWith('PartialObjectMetadata') && parameters.includes('v=v1')) return 'metadata';
  }
  throw notAcceptable('application/json');
}
