/** The operator's page. */
document.querySelector('main')?.setAttribute('data-ready', '')
