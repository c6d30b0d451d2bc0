/** arquero as the library uses it, for scripts in folders of their own. */
export * from "arquero";
