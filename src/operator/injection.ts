import { Scope } from '@nestjs/common';

/** What every room may have injected: values that come from outside of the application (core.module.ts). */

/** The one ApiClient of the process. */
export const API_CLIENT = Symbol('API_CLIENT');
/** OperatorOptions: the command line. */
export const OPERATOR_OPTIONS = Symbol('OPERATOR_OPTIONS');
/** The runtime's Logger. */
export const LOGGER = Symbol('LOGGER');
/** The runtime's Clock. */
export const CLOCK = Symbol('CLOCK');

/**
 * Of what lives for one term of leadership: caches, queues and reconcilers. Each term gets its own set, so that a
 * reconcile that an ended term still has under way sees the caches of that term, never those of the next one, and
 * nothing that a term learnt outlives it.
 *
 * In Nest's words a term is a request: `Terms` resolves the ControlLoop under a new context id, and Nest makes one
 * instance of each of these classes for it. Only a ControlLoop may need them; what lives as long as the process
 * (controllers, metrics, Leadership) reaches a term through Leadership.
 */
export const perTerm = { scope: Scope.REQUEST } as const;
