/*
 * HTTP requests, a new connection for each: `node load.ts URL COUNT`, at most eight at a time, or without COUNT about
 * 100 a second until SIGTERM. Prints one JSON line at the end: how many answers came from each pod, and what failed.
 */
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const [url, count] = process.argv.slice(2);
if (url === undefined) throw new Error('usage: load.ts URL [COUNT]');
const total = count === undefined ? Infinity : Number(count);
const answers: Record<string, number> = {};
const failures: string[] = [];
let started = 0;
let stopped = false;

function request(target: string): Promise<{ pod: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = get(target, { agent: false, timeout: 5000 }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => resolve(JSON.parse(text) as { pod: string }));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 5 s')));
    outgoing.on('error', reject);
  });
}

async function one(target: string): Promise<void> {
  const at = new Date();
  try {
    const { pod } = await request(target);
    answers[pod] = (answers[pod] ?? 0) + 1;
  } catch (error) {
    failures.push(`${at.toISOString()} ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function worker(target: string, pauseMilliseconds: number): Promise<void> {
  while (!stopped && started < total) {
    started += 1;
    await one(target);
    if (pauseMilliseconds > 0) await sleep(pauseMilliseconds);
  }
}

process.once('SIGTERM', () => {
  stopped = true;
});
console.log('started');
const [workers, pause] = total === Infinity ? [4, 40] : [8, 0];
await Promise.all(Array.from({ length: workers }, () => worker(url, pause)));
console.log(JSON.stringify({ requests: started, answers, failures }));
