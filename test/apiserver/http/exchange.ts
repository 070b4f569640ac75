import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestLog } from '../auth/request-log.ts';
import type { TokenIssuer, User } from '../auth/tokens.ts';
import type { ClusterState } from '../cluster-state.ts';
import type { ExecInPod } from '../exec/pod-command.ts';
import type { BookmarkTiming, Disturbance, WatchStream } from './watch.ts';

/** What the handlers of one API server share. */
export interface Service {
  state: ClusterState;
  tokens: TokenIssuer;
  /** Roles and their bindings decide what somebody may do; else everybody may do everything. */
  rbac: boolean;
  bookmarks: BookmarkTiming;
  watches: Set<WatchStream>;
  /** For the watches of a resource (`endpointslices`); undefined: events are sent as they are. */
  disturbances: Map<string, Disturbance>;
  requestLog: RequestLog | undefined;
  /** What kubelets do for `pods/exec`; undefined: there are none. */
  exec: ExecInPod | undefined;
  /** host:port, for discovery. */
  address: string;
}

/** One authenticated request and its answer. */
export interface Exchange {
  service: Service;
  request: IncomingMessage;
  response: ServerResponse;
  path: string;
  query: URLSearchParams;
  user: User;
}
