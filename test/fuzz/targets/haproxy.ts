import { isDeepStrictEqual } from 'node:util';
import { RequestTotals } from '../../../src/dataplane/userspace/testing/index.ts';
import { sectionName, serverName } from '../../../src/haproxy/index.ts';
import type { SectionState } from '../../../src/haproxy/index.ts';
import {
  configurationText,
  parseSectionName,
  readCounts,
  readInfo,
  readSections,
  readTable,
  readTraffic,
} from '../../../src/haproxy/testing/index.ts';
import type { Target } from '../engine/target.ts';
import { check } from './promised.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const textOf = (input: Uint8Array): string => Buffer.from(input).toString();

const servers = `1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_port
3 4.http.leastconn.0.17 1 10.244.1.2_8080 10.244.1.2 2 0 1 8080
`;
const statistics = `# pxname,svname,qcur,scur,stot,status,mode,req_tot,rtime,
4.tcp.random.0.0,FRONTEND,,0,12,OPEN,tcp,,,
4.tcp.random.0.0,10.244.1.2_8080,0,0,12,no check,tcp,,5,
`;

const requests = `# pxname,svname,status,mode,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,
4.http.random.0.1,FRONTEND,OPEN,http,0,12,0,1,0,
`;
const latencies = `# table: nftproxy/latencies, type: integer, size:14, used:2
0x7f8a: key=42 use=0 exp=0 shard=0 gpc0=12 gpc1=345
0x7f8b: key=55 use=0 exp=0 shard=0 gpc0=1 gpc1=99999
`;
const info = `Name: HAProxy
Version: 3.0.11
Pid: 17
Start_time_sec: 1764331200
description: nftproxy 0123456789ab
Jobs: 3
`;
/** Answers one behind the other, as the input has them. */
const apart = '\n---\n';

const isCount = (number: number): boolean => Number.isSafeInteger(number) && number >= 0;

/** What a section may be taken over as. */
function checkSection(name: string, state: SectionState): void {
  check(sectionName(state) === name, `${name} is called as it is read`);
  for (const [key, server] of state.servers) {
    check(serverName(server) === key && /^[0-9a-f.:]+$/.test(server.address), `${key} is a server`);
    check(isCount(server.weight) && server.weight <= 256 && server.port > 0 && server.port < 65_536, `${key} is right`);
  }
  const text = configurationText({ directory: '/run', threads: 1, sections: [state] });
  const again = text
    .split('\n')
    .filter((line) => /^ {2}server \S+ \S+ weight \d+(?: proto h2)?(?: slowstart \d+s)?$/.test(line));
  check(again.length === state.servers.size, 'each server is a line of the next configuration, and no other');
}

export const haproxyTargets: readonly Target[] = [
  {
    name: 'haproxy.answers',
    promise:
      "HAProxy's answers are rows by the names of their head; a section's name is read as it is written, or is none of ours",
    kind: 'bytes',
    seeds: [bytes(servers), bytes(statistics), bytes('4.http.hdr-x-user.10800.3')],
    run: (input) => {
      const text = textOf(input);
      for (const separator of [' ', ',']) {
        for (const row of readTable(text, separator))
          check(
            [...row.values()].every((each) => !each.includes('\n')),
            'one line',
          );
      }
      for (const word of text.split(/[\s,]/)) {
        const section = parseSectionName(word);
        check(section === undefined || sectionName(section) === word, `${word} is a name of ours`);
      }
    },
  },
  {
    name: 'haproxy.sections',
    promise:
      'whatever HAProxy says of sections and servers, what is taken over of it can be written into the next configuration',
    kind: 'bytes',
    seeds: [
      bytes(
        [
          servers,
          statistics.replaceAll('4.tcp.random.0.0', '4.http.leastconn.0.17'),
          'listen 4.http.leastconn.0.17\n  server 10.244.1.2_8080 10.244.1.2:8080 weight 1 slowstart 5s\n',
        ].join(apart),
      ),
    ],
    run: (input) => {
      const [state = '', frontends = '', configuration = ''] = textOf(input).split(apart);
      const found = readSections({ servers: state, frontends, configuration });
      for (const [name, section] of found) checkSection(name, section);
      for (const { open, total } of readTraffic(frontends))
        check(isCount(open) && isCount(total), 'traffic is counted');
    },
  },
  {
    name: 'haproxy.counts',
    promise:
      'whatever HAProxy says it has counted, totals are whole numbers that never get less; it is told from others by its answer',
    kind: 'bytes',
    seeds: [bytes([latencies, requests, info, requests.replace('12', '14')].join(apart))],
    run: (input) => {
      const [table = '', first = '', said = '', second = ''] = textOf(input).split(apart);
      const { identity, current } = readInfo(said);
      check(typeof identity === 'string' && typeof current === 'boolean', 'it is somebody');
      const [before, now] = [first, second].map((frontends) => readCounts({ latencies: table, frontends }));
      for (const [name, counts] of before ?? []) {
        const totals = new RequestTotals();
        totals.add(name, undefined, counts);
        const known = structuredClone(totals.all.get(name));
        totals.add(name, counts, now?.get(name) ?? counts);
        checkTotals(known, totals.all.get(name));
      }
    },
  },
];

type Total = ReturnType<RequestTotals['all']['get']>;

function checkTotals(before: Total, after: Total): void {
  const numbersOf = (total: Total): number[] => [
    ...Object.values(total?.answers ?? {}),
    ...(total?.latencies.counts ?? []),
    ...(total?.latencies.sums ?? []),
  ];
  const [less, more] = [numbersOf(before), numbersOf(after)];
  check(more.every(isCount) && less.length === more.length, `totals are whole numbers: ${more.join()}`);
  check(
    less.every((each, at) => each <= (more[at] ?? -1)),
    'no total ever gets less',
  );
  check(
    isDeepStrictEqual(Object.keys(after?.latencies.counts ?? []).map(Number), [
      ...(after?.latencies.counts ?? []).keys(),
    ]),
    'buckets are those there are',
  );
}
