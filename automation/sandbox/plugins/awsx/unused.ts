/**
 * Stands for the TypeScript compiler and npm's tree reader in the bundled plugin (see scripts/build.mjs). The
 * Pulumi SDK loads them to send functions and their packages elsewhere, which a plugin never does, and loading
 * them takes longer than all the rest.
 */
export {};
