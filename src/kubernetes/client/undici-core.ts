import { createRequire } from 'node:module';
import type { Agent, buildConnector, Dispatcher } from 'undici';

/**
 * The three parts of undici that an HTTP client needs. The package's own entry also loads fetch, WebSocket, caches and
 * mocks: 14 MB and 120 ms more, on every node of a cluster. These files are not public API, so undici is pinned
 * exactly, and `undici-core.test.ts` fails if an update moves them.
 */
const require = createRequire(import.meta.url);

export const UndiciAgent = require('undici/lib/dispatcher/agent.js') as typeof Agent;
export const connectorFor = require('undici/lib/core/connect.js') as typeof buildConnector;
export const requestThrough = require('undici/lib/api/api-request.js') as (
  this: Dispatcher,
  options: Dispatcher.RequestOptions,
) => Promise<Dispatcher.ResponseData>;
