// The thread of a Resident: obeys its orders, several at a time.
import { parentPort } from 'node:worker_threads';
import { endStream, stream } from './datagrams.ts';
import { serve, closeServer } from './echo-server.ts';
import { flood, endFlood, hangUp, open, reset, talk } from './held-connections.ts';
import { beginLoad, endLoad, get, load, loadOneConnection } from './http.ts';
import type { Duties, Order, Report } from './protocol.ts';
import { request } from './requests.ts';

const duties: Duties = {
  serve,
  close: closeServer,
  request,
  get,
  load,
  loadOneConnection,
  beginLoad,
  endLoad,
  open,
  talk,
  hangUp,
  reset,
  flood,
  endFlood,
  stream,
  endStream,
};

async function obey({ id, duty, parameters }: Order): Promise<Report> {
  try {
    const act = duties[duty] as (...parameters: readonly unknown[]) => Promise<unknown>;
    return { id, result: await act(...parameters) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on('message', (order: Order) => {
  void obey(order).then((report) => parentPort?.postMessage(report));
});
