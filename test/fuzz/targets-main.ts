import type { Target } from './engine/target.ts';
import { adoptionTargets } from './targets/adoption.ts';
import { apiServerTargets } from './targets/api-server.ts';
import { engineTargets } from './targets/engines.ts';
import { haproxyTargets } from './targets/haproxy.ts';
import { netlinkTargets } from './targets/netlink.ts';
import { nftablesTargets } from './targets/nftables.ts';
import { objectTargets } from './targets/objects.ts';
import { proxyConfigTargets } from './targets/proxy-configs.ts';
import { textTargets } from './targets/texts.ts';

/** Everything that reads what others have written. */
export const targets: readonly Target[] = [
  ...netlinkTargets,
  ...nftablesTargets,
  ...objectTargets,
  ...engineTargets,
  ...adoptionTargets,
  ...proxyConfigTargets,
  ...apiServerTargets,
  ...textTargets,
  ...haproxyTargets,
];
