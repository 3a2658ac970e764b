/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the program vshelper writes down, and who reads it.
 */
#ifndef HELPER_H
#define HELPER_H

/* Where the records are. */
#define RECORDS		"/run/vshelper.records"

/* How each ends. */
#define RECORD_END	".\n"

#endif /* HELPER_H */
