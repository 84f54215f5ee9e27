/** The addresses of the server's own paths, wherever a proxy has put them: the pages' scripts lie at its root. */
export const serverUrl = (path: string): string => new URL(path, new URL('./', import.meta.url)).href
