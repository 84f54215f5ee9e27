/** Styles of charts, in addition to uPlot's own style sheet, which is in page.css. */
import { css } from 'lit'

export const plots = css`
  :root {
    --violet: light-dark(#7436b8, #c39bff);
    --teal: light-dark(#0b6b72, #5ed0d8);
    --rose: light-dark(#a8286b, #ff92c4);
    --olive: light-dark(#5c6300, #c3cc57);
  }
  .uplot,
  .u-legend {
    font: inherit;
    font-size: 13px;
  }
  .plot {
    min-height: 250px;
    overflow: hidden;
  }
  .plot.small {
    min-height: 170px;
  }
  .multiples {
    display: grid;
    grid-template-columns: repeat(auto-fill, minmax(min(340px, 100%), 1fr));
    gap: 16px;
  }
  .multiples > .panel {
    margin: 0;
    min-width: 0;
  }
  .u-legend td,
  .u-legend th {
    border: 0;
    color: var(--ink);
  }
  .u-cursor-x,
  .u-cursor-y {
    border-color: var(--edge) !important;
  }
  .figures {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(130px, 1fr));
    gap: 12px;
  }
  .figure {
    padding: 12px 16px;
  }
  .figure dt {
    color: var(--quiet);
    font-size: 13px;
  }
  .figure dd {
    font-size: 24px;
    line-height: 32px;
    font-weight: 600;
  }
  .figure dd .sub {
    display: block;
    font-size: 13px;
    line-height: 18px;
    font-weight: 400;
    color: var(--quiet);
  }
`
