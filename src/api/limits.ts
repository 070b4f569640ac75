/** Bounds of a status, so that it stays small on clusters of thousands of nodes. */

/** Most failed nodes that a ProxyConfig's status names. */
export const maximumFailedNodes = 16;
/** Longest message about one of them. */
export const maximumNodeMessage = 256;
