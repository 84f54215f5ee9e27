/** Draws charts. Loaded by the console when somebody looks at statistics. */
export { default as UPlot } from 'uplot'
