import { notAcceptable } from '../status.ts';

/** In which form a client wants an answer. */
export type Form = 'object' | 'table' | 'metadata';

const types = new Set(['application/json', 'application/*', '*/*']);

/** The form that one media range asks for; undefined when this server does not have it. */
function formOf(range: string): Form | undefined {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
  if (!types.has(type)) return undefined;
  const as = parameters.find((parameter) => parameter.startsWith('as='))?.slice(3);
  if (as === undefined) return 'object';
  if (!parameters.includes('v=v1')) return undefined;
  if (as === 'Table') return 'table';
  return as.startsWith('PartialObjectMetadata') ? 'metadata' : undefined;
}

/** Picks the first form of an Accept header that this server has. Throws StatusError 406. */
export function acceptedForm(accept: string | undefined): Form {
  if (accept === undefined || accept === '') return 'object';
  for (const range of accept.split(',')) {
    const form = formOf(range);
    if (form) return form;
  }
  throw notAcceptable('application/json');
}
