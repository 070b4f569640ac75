import { spawnSync } from 'node:child_process';

const ruleset = `
table inet nftproxy-asks {
  flowtable asked { hook ingress priority filter; devices = { lo }; }
  chain forward { type filter hook forward priority filter; flow add @asked; }
}`;

/** Why tests of flowtables do not run here, for their titles; undefined where they do. Asks nft, the independent witness. */
export function whyNoFlowtables(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const { status, stderr } = spawnSync('nft', ['-c', '-f', '-'], { input: ruleset, encoding: 'utf8' });
  if (status === 0) return undefined;
  return `this kernel has no flowtables: npm run test:kernels has; nft: ${stderr.trim().split('\n')[0] ?? ''}`;
}
