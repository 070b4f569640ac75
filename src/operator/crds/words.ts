/** What is said about CRDs: in the log, and as Events on them. docs/reasons.md explains the reasons. */

/** Reasons of Events on our CRDs. */
export const crdReasons = ['CRDRestored', 'CRDNewerThanOperator', 'CRDOlderThanOperator'] as const;
export type CrdReason = (typeof crdReasons)[number];

const howToApply =
  'kubectl apply --server-side -k config/crd, of the version of this operator (or the files of "nftproxy crds --out DIR")';

export const words = {
  restored: 'somebody deleted or changed this CRD; the operator has put it back (--manage-crds=false leaves it to you)',
  newer: (found: number, ours: number): string =>
    `this CRD is of version ${found}, newer than the ${ours} of this operator, which leaves it alone: upgrade the operator`,
  older: (found: number, ours: number): string =>
    `this CRD is of version ${found}, older than the ${ours} of this operator, whose new fields it drops: ${howToApply}`,
  missing: `waiting for a CRD, which this operator is told not to write (--manage-crds=false): ${howToApply}`,
} as const;
