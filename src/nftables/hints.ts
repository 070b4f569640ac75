/** What the codes of nf_tables mean to the person who reads the log. Source: tried out on kernel 6.18. */
const hints: Readonly<Record<string, string>> = {
  EPERM: 'the table is owned by another process, or CAP_NET_ADMIN is missing',
  ENFILE: 'the set is full: raise its size',
  EEXIST: 'it is there already with other contents; delete it first, in the same transaction',
  ENOENT: 'it, or what it refers to, is not there',
  EBUSY: 'something still refers to it',
  EOPNOTSUPP: 'this kernel does not support it, or it cannot be changed',
  EINVAL: 'the kernel does not take it: a type, length or flag that it does not know',
  ERESTART: 'the ruleset is not of the expected generation: somebody else changed it',
  EMSGSIZE: 'the batch is larger than the send buffer of the socket',
  ENOMEM: 'no memory: elements count against the memory limit of the control group',
  ELOOP: 'chains lead to one another in a circle',
  EMLINK: 'too many chains lead to one another',
};

/** A hint for people, or an empty string. */
export function hintFor(code: string): string {
  const hint = hints[code];
  return hint === undefined ? '' : ` (${hint})`;
}
