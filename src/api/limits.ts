/** Bounds that several parts keep; those of a status keep it small on clusters of thousands of nodes. */

/** Longest name of a ProxyConfig: that of a label value. */
export const configNameLength = 63;

/** Most failed nodes that a ProxyConfig's status names. */
export const maximumFailedNodes = 16;
/** Longest message about one of them. */
export const maximumNodeMessage = 256;
