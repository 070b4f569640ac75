/** Bounds that several kinds share. CEL needs bounds everywhere; these are Kubernetes' own where it has one. */

/** Longest text of a CIDR: 45 characters of an IPv6 address with an embedded IPv4 address, and `/128`. */
export const cidrLength = 49;

/** A DNS subdomain, as API servers want it: labels with dots between them, none of them empty. */
const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = `${label}([.]${label})*`;

/** Optional DNS prefix, slash, name. */
export const labelKeyPattern = new RegExp(`^(${subdomain}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`);
export const labelKeyLength = 317;
export const labelValuePattern = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;
export const labelValueLength = 63;

/**
 * IFNAMSIZ is 16 bytes with the closing zero; a name of other characters than ASCII's may be longer than that, which the node says.
 * Left out is also what the kernel takes, but nft or iptables-restore reads as something else: quotes, a backslash, and a plus,
 * which at the end of a name means all that begin so.
 */
export const interfacePattern = /^[^\s"'*+/:\\]+$/;
export const interfaceLength = 15;

export const objectNamePattern = new RegExp(`^${subdomain}$`);
export const objectNameLength = 253;

/** CamelCase words of conditions. */
export const reasonPattern = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;
export const conditionTypePattern = /^[A-Z][A-Za-z]*$/;

/** `revisionOf`: short, so that it fits a printer column. */
export const revisionPattern = /^[0-9a-f]{10}$/;
