/** The demo page: two people side by side, and a form that sends to either. */
document.querySelector('main')?.setAttribute('data-ready', '')
