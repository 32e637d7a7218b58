/** Files of undici by themselves; its types are those of the whole package. */
declare module 'undici/lib/*' {
  const part: unknown;
  export default part;
}
