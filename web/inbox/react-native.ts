/** React Native: the hooks and the client, without the element. */
export * from './client.ts'
export * from './react-hooks.ts'
