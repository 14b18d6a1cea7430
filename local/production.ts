/** Which packages programs need where they run: those of the lock that are not for building and testing. */
import { z } from 'zod';

const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      dev: z.boolean().optional(),
      devOptional: z.boolean().optional(),
      optional: z.boolean().optional(),
    }),
  ),
});

/**
 * Paths of the packages below the checkout, e.g. `node_modules/zod`, in the lock's order. Optional ones
 * are for one kind of machine each, and are installed only there: `isThere` tells.
 */
export function packagesOf(lock: string, isThere: (path: string) => boolean): readonly string[] {
  const { packages } = lockSchema.parse(JSON.parse(lock));
  return Object.entries(packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
    .filter(([path, { optional }]) => !optional || isThere(path))
    .map(([path]) => path);
}
