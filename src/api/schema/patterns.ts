/** Bounds that several kinds share. CEL needs bounds everywhere; these are Kubernetes' own where it has one. */

/** Longest text of a CIDR: 45 characters of an IPv6 address with an embedded IPv4 address, and `/128`. */
export const cidrLength = 49;

/** Optional DNS prefix, slash, name. */
export const labelKeyPattern = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
export const labelKeyLength = 317;
export const labelValuePattern = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;
export const labelValueLength = 63;

/** IFNAMSIZ is 16 with the closing zero byte. */
export const interfacePattern = /^[^\s/:*]+$/;
export const interfaceLength = 15;

export const objectNamePattern = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
export const objectNameLength = 253;

/** CamelCase words of conditions. */
export const reasonPattern = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;
export const conditionTypePattern = /^[A-Z][A-Za-z]*$/;

/** `revisionOf`: short, so that it fits a printer column. */
export const revisionPattern = /^[0-9a-f]{10}$/;
