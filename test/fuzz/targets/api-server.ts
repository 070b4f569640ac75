import { isDeepStrictEqual } from 'node:util';
import { ApiError, apiServersIn, parseSelector } from '../../../src/kubernetes/index.ts';
import {
  answerOf,
  apiErrorOf,
  LineSplitter,
  ListParts,
  parseWatchEvent,
} from '../../../src/kubernetes/client/testing/index.ts';
import type { Target } from '../engine/target.ts';
import { check, promised, refusing } from './promised.ts';

const bytes = (value: unknown): Uint8Array => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

const service = { metadata: { name: 'a', namespace: 'b', resourceVersion: '7' }, spec: { ports: [{ port: 80 }] } };
const list = {
  kind: 'ServiceList',
  metadata: { resourceVersion: '9', continue: '' },
  items: [service, { a: '}]"\\"' }],
};
const status = { kind: 'Status', status: 'Failure', message: 'too old', reason: 'Expired', code: 410 };

/** In chunks of sizes that the input itself decides about. */
function chunksOf(input: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < input.length;) {
    const end = at + 1 + ((input[at] ?? 0) % 13);
    chunks.push(input.subarray(at, end));
    at = end;
  }
  return chunks;
}

function linesOf(chunks: readonly Buffer[]): string[] {
  const splitter = new LineSplitter();
  return [...chunks.flatMap((chunk) => splitter.push(chunk)), splitter.rest()];
}

/** What is read of a list that comes in these chunks, a few bytes at once; undefined if it is no JSON. */
function listOf(chunks: readonly Buffer[]): { items: readonly unknown[]; rest: object } | undefined {
  const parts = new ListParts(20);
  const items = chunks.flatMap((chunk) => parts.push(chunk));
  const end = promised([SyntaxError], () => parts.end((text) => JSON.parse(text) as unknown));
  return end && { items: [...items, ...end.items], rest: end.rest };
}

function parsed(text: string): unknown {
  return promised([SyntaxError], () => JSON.parse(text) as unknown);
}

export const apiServerTargets: readonly Target[] = [
  {
    name: 'api-server.watch',
    promise:
      'lines are the same whatever chunks they come in, and each is an event, an ApiError or refused with a sentence',
    kind: 'bytes',
    seeds: [
      bytes(
        `${JSON.stringify({ type: 'ADDED', object: service })}\n${JSON.stringify({ type: 'BOOKMARK', object: service })}\n`,
      ),
      bytes(`${JSON.stringify({ type: 'ERROR', object: status })}\n`),
    ],
    run: (input) => {
      const whole = Buffer.from(input);
      const lines = linesOf([whole]);
      check(isDeepStrictEqual(linesOf(chunksOf(whole)), lines), 'chunks make no difference');
      for (const line of lines) promised([ApiError], () => refusing(() => parseWatchEvent('/watch', line)));
    },
  },
  {
    name: 'api-server.list',
    promise: 'the items of a list are what JSON.parse finds in it, whatever chunks it comes in',
    kind: 'bytes',
    seeds: [
      ...[list, { items: [] }, { items: null }].map(bytes),
      bytes(JSON.stringify(list, undefined, 1)),
      bytes({
        ...list,
        items: [service, service, { metadata: [{ a: [] }, { metadata: '},{"metadata":' }] }],
        after: 1,
      }),
    ],
    run: (input) => {
      const whole = Buffer.from(input);
      const read = listOf(chunksOf(whole));
      const value = parsed(whole.toString());
      check((read === undefined) === (value === undefined), 'what JSON.parse refuses is refused, and nothing else');
      if (!hasItemsOnce(whole.toString(), value)) return;
      const { items, ...rest } = value;
      check(isDeepStrictEqual(read?.rest, rest), 'the rest is the list without its items');
      check(isDeepStrictEqual(read?.items, Array.isArray(items) ? items : []), 'the items are those of the list');
    },
  },
  {
    name: 'api-server.statuses',
    promise: 'an answer is JSON or refused with a sentence; any other is an ApiError with its code',
    kind: 'bytes',
    seeds: [bytes(status), bytes('Internal Server Error'), bytes({ message: 1 }), bytes('a in (b,c),!d,e=f')],
    run: (input) => {
      const text = Buffer.from(input).toString();
      const request = { method: 'GET', path: '/' };
      refusing(() => answerOf(request, text));
      const error = apiErrorOf(request, { code: 410, headers: { 'retry-after': `${input.length}` }, text }, 0);
      const { retryAfterSeconds: seconds = 0, causes } = error;
      check(typeof error.reason === 'string' && Array.isArray(causes), 'an ApiError has a reason and causes');
      check(seconds >= 0 && causes.every((each) => typeof each === 'object'), 'when to come back is a time to come');
      refusing(() => parseSelector(text));
    },
  },
  {
    name: 'api-server.servers',
    promise: 'EndpointSlices of the API server itself name addresses or nothing',
    kind: 'value',
    seeds: [
      [
        {
          addressType: 'IPv4',
          endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready: true } }],
          ports: [{ name: 'https', port: 6443, protocol: 'TCP' }],
        },
      ],
    ],
    run: (input) => {
      const slices = (Array.isArray(input) ? input : [input]).filter(
        (each) => typeof each === 'object' && each !== null,
      );
      const servers = apiServersIn(slices as Parameters<typeof apiServersIn>[0]);
      for (const server of servers) check(/^https:\/\/[\w.:[\]]+$/.test(server), `${server} is a URL`);
    },
  },
];

/** One list with items once, so that it does not matter which of several keys is meant, nor how they are spelled. */
function hasItemsOnce(text: string, value: unknown): value is { readonly items?: unknown } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return text.split('items').length <= 2 && !text.includes('\\u');
}
