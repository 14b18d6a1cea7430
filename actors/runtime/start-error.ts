/** Why a program cannot start: one sentence that ends in what to do. Its exit code is 78. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** `sysexits.h` EX_CONFIG: something around the program is not as it must be. */
export const START_ERROR_EXIT = 78;
