import { ctOriginalDaddr, ctOriginalDport, ipDaddr, l4proto, thDport } from '../../nftables/index.ts';
import type { Value } from '../../nftables/index.ts';
import type { Family } from '../../services/index.ts';

/** The parts of a packet that make the key of its frontend: its address unless it is a NodePort, protocol and port. */
export function frontendFields(family: Family, nodePort: boolean): Value[] {
  return nodePort ? [l4proto(), thDport()] : [ipDaddr(family), l4proto(), thDport()];
}

/** The same of a translated connection: where its client wanted to go. */
export function originalFrontendFields(family: Family, nodePort: boolean): Value[] {
  return nodePort ? [l4proto(), ctOriginalDport()] : [ctOriginalDaddr(family), l4proto(), ctOriginalDport()];
}
