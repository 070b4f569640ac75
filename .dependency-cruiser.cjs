// The layout of src, held: which room may import which, that nobody reaches past a room's face (index.ts), and no circles.
// docs/architecture.md has the same table for people.
const mayImport = {
  runtime: [],
  ip: [],
  api: ['ip'],
  netlink: ['ip'],
  nftables: ['ip', 'netlink'],
  conntrack: ['ip', 'netlink'],
  ipvs: ['ip', 'netlink'],
  ipset: ['netlink'],
  haproxy: ['ip'],
  iptables: ['ip', 'netlink'],
  kubernetes: ['api', 'runtime'],
  overview: ['api', 'kubernetes', 'runtime'],
  services: ['api', 'ip'],
  dataplane: ['api', 'haproxy', 'ip', 'iptables', 'ipvs', 'netlink', 'nftables', 'runtime', 'services'],
  'kube-proxy': ['api', 'services'],
  'kube-proxy-rules': ['ipset', 'iptables', 'ipvs', 'netlink', 'nftables'],
  preflight: ['dataplane', 'kube-proxy-rules', 'netlink', 'nftables', 'runtime'],
  agent: [
    ...['api', 'conntrack', 'dataplane', 'ip', 'kube-proxy-rules', 'kubernetes', 'preflight', 'runtime', 'services'],
  ],
  operator: ['api', 'ip', 'kubernetes', 'overview', 'runtime'],
};

const testFaces = [
  '^test/[^/]+/index\\.ts$',
  '^test/support/(node|kube-proxy)/index\\.ts$',
  '^test/cluster/image/index\\.ts$',
];

const production = { pathNot: ['\\.test\\.ts$', '/testing/'] };

const rooms = Object.entries(mayImport).map(([room, allowed]) => ({
  name: `${room}-imports`,
  comment: `src/${room} may import only: ${allowed.join(', ') || 'nothing of ours'}`,
  severity: 'error',
  from: { path: `^src/${room}/`, ...production },
  to: { path: '^src/', pathNot: `^src/(${[room, ...allowed].join('|')})/` },
}));

module.exports = {
  forbidden: [
    { name: 'no-circles', comment: 'types count too', severity: 'error', from: {}, to: { circular: true } },
    ...rooms,
    {
      name: 'faces-of-rooms',
      comment: 'a room of src is used through its index.ts (or schema/index.ts, testing/index.ts)',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: {
        path: '^src/[^/]+/',
        pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$', '^src/.+/schema/index\\.ts$', '^src/.+/testing/index\\.ts$'],
      },
    },
    {
      name: 'faces-of-inner-rooms',
      comment: 'a folder inside a room is used through its index.ts, from the files beside it ...',
      severity: 'error',
      from: { path: '^src/([^/]+)/[^/]+$' },
      to: { path: '^src/$1/[^/]+/', pathNot: ['/index\\.ts$'] },
    },
    {
      name: 'faces-of-neighbours',
      comment: '... and from the folders beside it',
      severity: 'error',
      from: { path: '^src/([^/]+)/([^/]+)/' },
      to: { path: '^src/$1/[^/]+/', pathNot: ['^src/$1/$2/', '/index\\.ts$'] },
    },
    {
      name: 'faces-for-tests',
      comment: 'tests and tools outside src use the faces of rooms, too',
      severity: 'error',
      from: { path: '^(test|bench|scripts)/' },
      to: { path: '^src/', pathNot: ['/index\\.ts$', '^src/main\\.ts$'] },
    },
    {
      name: 'faces-of-test-rooms',
      comment:
        'a room of test is used through its index.ts; test/support has others for nodes and kube-proxy, test/cluster one for images',
      severity: 'error',
      from: { path: '^test/([^/]+)/' },
      to: { path: '^test/[^/]+/', pathNot: ['^test/$1/', ...testFaces] },
    },
    {
      name: 'faces-of-test-rooms-for-others',
      comment: '... from outside test, too',
      severity: 'error',
      from: { path: '^(src|bench|scripts)/' },
      to: { path: '^test/', pathNot: testFaces },
    },
    {
      name: 'no-test-code',
      comment: 'what ships imports no test code',
      severity: 'error',
      from: { path: '^src/', ...production },
      to: { path: ['/testing/', '^test/', '\\.test\\.ts$'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  },
};
