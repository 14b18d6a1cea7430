/** The actors of which one copy acts and others stand by, as the control plane has them. */
import { actors } from '../../actors/main.ts';

/** Their names: each has a lease. */
export const actingActors: readonly string[] = actors()
  .filter(({ copies }) => copies === 'acting')
  .map(({ name }) => name);
